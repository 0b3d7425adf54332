/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTERN_VERSION_H
#define POSTERN_VERSION_H

#define POSTERN_VERSION "0.1.0"
#define POSTERN_OCI_VERSION "1.2.0" /* the runtime-spec release config.json is read against */

/* The kernel a guest believes it runs on: uname(2), /proc/version, /proc/sys/kernel/{osrelease,version}. libc and
 * language run times parse the release for its leading numbers. */
#define POSTERN_KERNEL_RELEASE "6.1.0-postern"
#define POSTERN_KERNEL_VERSION "#1 SMP PREEMPT_DYNAMIC Postern " POSTERN_VERSION

#endif
