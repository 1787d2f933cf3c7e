/* How trust data and verdicts look to people and programs. */
#ifndef CTVIGIL_TRUSTVIEW_H
#define CTVIGIL_TRUSTVIEW_H

#include <jansson.h>

#include "model/verdict.h"
#include "trust/cajudge.h"

/* Whole days, and never fewer than none. */
int64_t trustview_days(int64_t dated_ms, int64_t now_ms);
bool trustview_old(int64_t dated_ms, int64_t now_ms);
/* One line when the oldest data that verdicts depend on is too old; false: it is not. Neither full stop nor
 * line end. */
MUST_USE bool trustview_age(const struct cagraph *graph, int64_t now_ms, char *out, size_t cap);
/* The same on standard error. */
void trustview_warn(const struct cagraph *graph, int64_t now_ms);

/* Every way of the certificate's issuer to each store, and what each store says, to standard output. */
void trustview_print(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                     const struct verdict_all *all);
/* The same: {"stores":{NAME:{"verdict","why","rule","limit","paths":[{"verdict","why","rule","certs":[]}]}},
 * "flags":[],"bundle","bundle_date"}. */
json_t *trustview_json(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                       const struct verdict_all *all);

#endif
