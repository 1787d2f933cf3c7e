/* The log list of the simulator: its own log at first, others on order, signed with RSA, with ETag; and what
 * can go wrong with a list. Thread-safe. */
#ifndef CTVIGIL_SIMLIST_H
#define CTVIGIL_SIMLIST_H

#include <jansson.h>

#include "simworld.h"

struct simlist;

struct simlist *simlist_new(void);
void simlist_free(struct simlist *list);

/* /list/log_list.json, .sig and .key (base64 of the DER of the key that signs). `if_none_match` may be NULL.
 */
void simlist_answer(struct simworld *world, const char *url, const char *if_none_match,
                    struct simreply *reply);
/* The member "list" of a control command; see --help. */
MUST_USE enum err_code simlist_control(struct simworld *world, const json_t *order, struct err *why);

#endif
