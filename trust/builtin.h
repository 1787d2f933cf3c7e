/* The trust data that the program is born with, so that it can judge on its first day and without a network:
 * roots of the four stores, the keys and roots they turned away, keys that Chromium blocks. Facts only, each
 * with where it was read (trust/builtin.def). What is imported takes its place part by part. */
#ifndef CTVIGIL_BUILTIN_H
#define CTVIGIL_BUILTIN_H

#include "trust/cagraph.h"

#define BUILTIN_MS INT64_C(1795219200000) /* 2026-11-21 */

/* Adds every rule whose part `skip` (may be NULL) does not name, and the part as a source. Parts:
 * mozilla.roots, chrome.roots, apple.roots, microsoft.roots, distrust, chrome.blocked, tests. A block is
 * added in any case (without the source): one that the import forgot stays in force, as imported ones do. */
void builtin_rules(struct cagraph_plan *plan, bool (*skip)(void *arg, const char *part), void *arg);
/* Do verdicts depend on a part of this name? Names of CAs and roots for tests are no matter of dates. */
bool builtin_counts(const char *part);
/* Calls for the SHA-256 of every root that the program came with for this store. */
void builtin_anchors(enum verdict_store store, void (*each)(void *arg, const uint8_t sha256[32]), void *arg);
/* Calls for the SHA-256 of every key that a rule of this part is about, more than once if several are. */
void builtin_keys(const char *part, void (*each)(void *arg, const uint8_t sha256[32]), void *arg);
/* "mozilla.roots" */
const char *builtin_roots_part(enum verdict_store store);

#endif
