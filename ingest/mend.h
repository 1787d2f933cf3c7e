/* Mending: what a second reading gave otherwise than it is stored is read a third time and replaced, in one
 * transaction, on a connection of its own, so that nobody but the log itself waits for it. A list of
 * stretches says what is to be read; each has a chain over its leaf hashes as they came when they gave the
 * signed root, so that nothing else can take their place. Runs on the settler's thread. */
#ifndef CTVIGIL_MEND_H
#define CTVIGIL_MEND_H

#include "ingest/settle.h"

enum mend_state {
    MEND_GOES_ON,
    MEND_DONE,
    MEND_WRONG,  /* the bytes are not those that gave the signed root */
    MEND_BUSY,   /* LIMIT_MENDS are open */
    MEND_LATER,  /* the store has to finish something first, which takes minutes */
    MEND_FAILED, /* the store: see why */
};

/* Takes down that the entries of `batch`, which gave the signed root or may give it, differ from what is
 * stored, or that they do not. Batches come in order. When the list is full everything behind counts as
 * different. False: out of memory. */
MUST_USE bool mend_note(struct follow_settle *own, const struct batch *batch, bool differs);
void mend_forget(struct follow_settle *own);
uint64_t mend_entries(const struct follow_settle *own);

/* Opens the repair and starts to read the first stretch; the list must not be empty. */
enum mend_state mend_begin(struct settle *settle, struct follow *follow, struct err *why);
/* The next batch of the lane. MEND_DONE: all is replaced, and the range of `follow` says so. */
enum mend_state mend_step(struct settle *settle, struct follow *follow, struct batch *batch, struct err *why);
/* Rolls an open repair back, closes its connection. */
void mend_close(struct settle *settle, struct follow *follow);

#endif
