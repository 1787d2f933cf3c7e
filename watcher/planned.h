/* A plan is for one certificate (rule R12): further ones of its key are told as ones of an unexpected key, in
 * the alert that they have. Repeated at will; the same is said once. */
#ifndef CTVIGIL_PLANNED_H
#define CTVIGIL_PLANNED_H

#include "base/err.h"
#include "db/pgconn.h"

/* *told: how many. */
MUST_USE enum err_code planned_look(struct pgconn *conn, uint64_t *told, struct err *why);

#endif
