/* Registered domains as `domain list` shows them to people; `--json` has everything in full. */
#ifndef CTVIGIL_DOMAINTABLE_H
#define CTVIGIL_DOMAINTABLE_H

#include <stddef.h>

#include "db/db_domain_list.h"

/* The line over all rows. `columns` of the terminal; 0: it is none. */
void domaintable_head(size_t columns);
/* One domain: a line, in a narrow terminal a second one with the CAs, wrapped. In a terminal what is too long
 * is cut and ends in "~", and so are keys of CAs; elsewhere nothing is cut. */
void domaintable_row(const struct db_domain_row *row, size_t columns);

#endif
