/* PRIVATE TO db/. What changes between two public suffix lists: the names whose registrable domain may be
 * another one. */
#ifndef CTVIGIL_PSLDIFF_H
#define CTVIGIL_PSLDIFF_H

#include "base/buf.h"

/* Everything may be concerned. */
#define PSLDIFF_ALL "."

/* Appends a regular expression of PostgreSQL for cert.names (stored form, joined by spaces) that matches when
 * one of the names is, or is below, what a rule is about that stands in one of the lists alone (a wildcard
 * and an exception are about the name behind "*." and "!"). Nothing is appended when no rule differs. Rules
 * of more than a few thousand bytes, or that have no form in A-labels, give PSLDIFF_ALL: it only costs time.
 * Returns how many rules differ. */
size_t psldiff_pattern(struct buf *out, struct span old_list, struct span new_list);

#endif
