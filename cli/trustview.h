/* How trust data and verdicts look to people and programs. */
#ifndef CTVIGIL_TRUSTVIEW_H
#define CTVIGIL_TRUSTVIEW_H

#include <jansson.h>

#include "model/verdict.h"
#include "trust/cajudge.h"

/* One line on standard error when trust data of that date is too old; says nothing otherwise. */
bool trustview_old(int64_t bundle_ms, int64_t now_ms);
void trustview_warn(int64_t bundle_ms, int64_t now_ms);

/* Every way of the certificate's issuer to each store, and what each store says, to standard output. */
void trustview_print(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                     const struct verdict_all *all);
/* The same: {"stores":{NAME:{"verdict","why","rule","limit","paths":[{"verdict","why","rule","certs":[]}]}},
 * "flags":[],"bundle","bundle_date"}. */
json_t *trustview_json(const struct cagraph *graph, const struct cajudge_leaf *leaf,
                       const struct verdict_all *all);

#endif
