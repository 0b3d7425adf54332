/* SPDX-License-Identifier: Apache-2.0 */
/* The route table as a person, a program and docs/routes.md read it. */
#ifndef RUNTIME_COMMANDS_ROUTES_PRINT_H
#define RUNTIME_COMMANDS_ROUTES_PRINT_H

#include <stdio.h>

/* names: calls that are meant, ending in NULL; none: all. The page is always of all. */
void routes_print_table(FILE *file, char *const *names);
void routes_print_json(FILE *file, char *const *names);
void routes_print_markdown(FILE *file, char *const *names);

#endif
