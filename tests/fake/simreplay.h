/* Captured entries into the log, byte for byte: a JSON-lines file with leaf_input and extra_data, or
 * tile_leaf, in base64; or a data tile of a static-ct log as it is. */
#ifndef CTVIGIL_SIMREPLAY_H
#define CTVIGIL_SIMREPLAY_H

#include "base/err.h"
#include "simlog.h"

#define SIMREPLAY_FILE_MAX (512u << 20)

/* Appends all entries of the file; does not publish. Takes the write lock. ERR_SYSTEM, or ERR_FORMAT with the
 * line. */
MUST_USE enum err_code simreplay_file(struct simlog *log, const char *path, uint64_t *count, struct err *why);
/* Appends one row of the JSON-lines form. */
MUST_USE enum err_code simreplay_row(struct simlog *log, struct span row, struct err *why);

#endif
