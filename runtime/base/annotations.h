/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations of config.json that are ours. */
#ifndef RUNTIME_BASE_ANNOTATIONS_H
#define RUNTIME_BASE_ANNOTATIONS_H

struct error;
struct oci_pairs;

#define ANNOTATION_PREFIX  "dev.postern."
#define GATE_ANNOTATION    ANNOTATION_PREFIX "gate"
#define RELEASE_ANNOTATION ANNOTATION_PREFIX "kernel-release"
#define LAYER_ANNOTATION   ANNOTATION_PREFIX "layer"
/* Binds stay the host's (gofer/foreign.h), as they do with a layer. */
#define BINDS_ANNOTATION   ANNOTATION_PREFIX "binds"

/* Refuses, by name, one of ours that does not exist: it would be left out without a word, and a sandbox be looser than was meant. */
int annotations_check(const struct oci_pairs *annotations, struct error *error);

#endif
