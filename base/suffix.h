/* The public suffix list in force (publicsuffix.org), private section included. Names are texts of base/dns.h
 * without wildcard or placeholder; this header knows only about suffixes, dns_apex about the rest.
 *
 * One list per process, replaced as a whole; readers take no lock. A replaced list is kept until the process
 * ends, because somebody may be reading it: about a megabyte for each update. */
#ifndef CTVIGIL_SUFFIX_H
#define CTVIGIL_SUFFIX_H

#include "base/buf.h"
#include "base/err.h"

/* See dns_psl_load. */
MUST_USE enum err_code suffix_load(struct span list, struct err *why);
/* Appends the text of the system's list; ERR_NOT_FOUND when the system has none (package publicsuffix). */
MUST_USE enum err_code suffix_system_text(struct buf *out, struct err *why);

/* A second list beside it, while a database changes from one to another; SPAN_NONE: none any more. */
MUST_USE enum err_code suffix_load_also(struct span list, struct err *why);
bool suffix_has_also(void);

bool suffix_loaded(void);
/* The registrable domain of `text`, or all of it when it is a public suffix; must() that a list was loaded.
 */
struct span suffix_registrable(struct span text);
struct span suffix_registrable_also(struct span text); /* by the second list, which was loaded once */
bool suffix_is_public(struct span text);
/* False: no rule of the list is about a name below `text`. True: there may be one. */
bool suffix_may_be_below(struct span text);

#endif
