/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error object. Inside the programs functions return negative errno; where a person
 * will read the failure, they fill one of these: what failed, why, what to do.
 */
#ifndef POSTERN_ERROR_H
#define POSTERN_ERROR_H

#define ERROR_TEXT_MAX 1024

struct error {
    int code; /* a positive errno, 0 while nothing failed */
    char text[ERROR_TEXT_MAX];
};

/* Records a failure. `code` is an errno of either sign; the text gets ": strerror" appended if
 * code is not 0. Keeps the first failure: later calls on a filled object change nothing.
 * Returns the negative errno (-EINVAL if code is 0), to be returned by the caller. */
int error_set(struct error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same without strerror: for refusals whose sentence says it all. Returns -EINVAL. */
int error_refuse(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " in front of a recorded failure. */
void error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
