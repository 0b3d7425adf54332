/* SPDX-License-Identifier: Apache-2.0 */
/* The route table as a person, a program and docs/routes.md read it. */
#ifndef RUNTIME_ROUTES_PRINT_H
#define RUNTIME_ROUTES_PRINT_H

#include <stdio.h>

void routes_print_table(FILE *file);
void routes_print_json(FILE *file);
void routes_print_markdown(FILE *file);

#endif
