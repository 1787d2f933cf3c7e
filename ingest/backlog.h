/* A log that has more than one range is read at two places: its follow at the head has the last one, and a
 * second one, the backlog, takes those below one after the other. It asks for no heads: what the first one
 * knows serves both. Same settler, same host; what people see of the log comes from the first. */
#ifndef CTVIGIL_BACKLOG_H
#define CTVIGIL_BACKLOG_H

#include "ingest/plant.h"

static inline bool backlog_is(const struct follow *follow)
{
    return follow->front != NULL;
}

/* Makes the second follow of a log, once. On the settler's thread. */
void backlog_make(struct plant *plant, struct follow *front);
/* Has the backlog know the head that its log has. On the fetch thread. */
void backlog_heads(struct follow *back);
/* The one whose turn it is (turn.h), of those that may still have something to ask for in this round; NULL:
 * none. On the fetch thread. */
struct follow *backlog_next(struct plant *plant, uint64_t round);
/* With `once`: it has nothing more to do, or can do nothing more. True for a log without one. */
bool backlog_done(const struct follow *front);
/* The last error of a log's backlog, "" for none. On the settler's thread. */
void backlog_error(struct follow *front, char text[ERR_TEXT_MAX]);

#endif
