/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTERN_VERSION_H
#define POSTERN_VERSION_H

#define POSTERN_VERSION "0.1.0"
#define POSTERN_OCI_VERSION "1.2.0" /* the runtime-spec release config.json is read against */

#endif
