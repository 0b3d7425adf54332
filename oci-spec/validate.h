/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_SPEC_VALIDATE_H
#define OCI_SPEC_VALIDATE_H

struct error;
struct oci_config;

/* The rules between fields that a table cannot say; also understands the mounts' options. Returns 0 or -errno. */
int oci_validate(struct oci_config *config, struct error *error);

/* The part of it for the process, and that for mounts. */
int oci_validate_process(struct oci_config *config, struct error *error);
int oci_validate_mounts(struct oci_config *config, struct error *error);

#endif
