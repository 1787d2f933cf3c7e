/* The nodes of a spread database (db/scaleout.h), as `db status` shows them. */
#ifndef CTVIGIL_NODEVIEW_H
#define CTVIGIL_NODEVIEW_H

#include "cli/cmd.h"
#include "cli/dbill.h"
#include "db/scaleout.h"

#define NODEVIEW_TEXT_MAX 512

/* One line on all of them, and one on each. */
void nodeview_text(const struct scaleout_state *state, char out[NODEVIEW_TEXT_MAX]);
void nodeview_node(const struct scaleout_node *node, char out[NODEVIEW_TEXT_MAX]);
/* null on a single server. */
json_t *nodeview_json(const struct scaleout_state *state);
/* The next thing that is wrong with them from *at on, which begins with 0; false: that was all. */
bool nodeview_ill(const struct scaleout_state *state, unsigned *at, struct dbill *ill);

#endif
