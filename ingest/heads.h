/* The signed heads that the rebuilt tree still has to equal, as the settler of a log knows them: a short
 * ascending list over what the store keeps. */
#ifndef CTVIGIL_HEADS_H
#define CTVIGIL_HEADS_H

#include "ingest/settle.h"

/* Stores the heads the fetch loop brought and lists those that are ahead; a fork becomes evidence. */
void heads_serve(struct settle *settle, struct follow *follow);
/* Fills the list from the store. */
void heads_load(struct settle *settle, struct follow *follow);
/* Forgets those of up to `size` entries. */
void heads_drop(struct follow_settle *own, uint64_t size);
/* Takes one out of the list; the caller owns it. */
struct follow_head *heads_take(struct follow_settle *own, struct follow_head *head);
/* Compares with the heads of exactly compact->size and moves `list` past them. Returns the one that is
 * equalled, or NULL; *unequal: one that is not. `root` is what was computed, if there was something to
 * compare. */
struct follow_head *heads_compare(const struct compact *compact, struct follow_head **list,
                                  struct follow_head **unequal, uint8_t root[32]);

#endif
