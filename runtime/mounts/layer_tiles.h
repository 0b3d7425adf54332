/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_MOUNTS_LAYER_TILES_H
#define RUNTIME_MOUNTS_LAYER_TILES_H

struct layer;
struct oci_mounts;

/* layer_over, if need be in pieces: mounts below the mount. What config.json's own mounts will cover of
 * what is shown at `destination` is left out. */
int layer_show(struct layer *layer, int folder, const char *destination, const struct oci_mounts *mounts);

#endif
