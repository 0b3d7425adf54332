/* SPDX-License-Identifier: Apache-2.0 */
/* The standard streams of a process that outlives our own use for them: sentry and gofer. */
#ifndef RUNTIME_BASE_STREAMS_H
#define RUNTIME_BASE_STREAMS_H

/* Standard input and output become /dev/null. The standard error becomes `errors`: a descriptor, -1 for /dev/null too, or
 * STDERR_FILENO to keep it for last words, if one can write to it: a caller may have given us a folder of the host's. 0 or
 * -errno. */
int streams_let_go(int errors);

#endif
