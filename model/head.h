/* What a log claims about itself at one moment: a signed tree head or a checkpoint. A struct head exists only
 * after its signature was checked; before that the bytes are called unverified_head. That the claim fits the
 * entries is another question (struct settle in db/store.h). */
#ifndef CTVIGIL_HEAD_H
#define CTVIGIL_HEAD_H

#include "base/span.h"

struct head {
    uint64_t size;
    int64_t timestamp_ms;
    uint8_t root[32];
    struct span
        raw; /* the JSON or note as received: evidence. The owner of the head says how long it lives. */
};

#endif
