/* When the reading of a log is over, by what the log list says of it and how far it was read. Pure. */
#ifndef CTVIGIL_ENDING_H
#define CTVIGIL_ENDING_H

#include "db/db_log.h"

/* A log that is about to end and is not heard of for so long will not come back. A log that is still in use
 * is never given up. */
#define ENDING_SILENT_MS (INT64_C(72) * 3600000)

enum ending {
    ENDING_NOT,
    ENDING_PROVE, /* readonly, and read to its last head: complete when its final tree head is in what was
                     read */
    ENDING_DONE,  /* read to its last known head, and nothing more is to come */
    ENDING_LOST   /* silent, and its last head promised more than was read */
};

enum ending ending_of(const struct db_log_status *log, int64_t now_ms);

#endif
