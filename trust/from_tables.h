/* Tables of facts as CSV: the distrust table, roots by store, CA certificates and edges by hash, keys that
 * Chromium blocks, OneCRL joined to certificates, CAA names (docs/trust.md has the columns). Each reader
 * takes what its table says and counts what it passes over; a table that is not its own is refused by the
 * caller (trust/caform.h). */
#ifndef CTVIGIL_FROM_TABLES_H
#define CTVIGIL_FROM_TABLES_H

#include "trust/catake.h"
#include "trust/csvread.h"

void from_tables_distrust(struct csvread *csv, struct catake *take, struct catake_file *file);
void from_tables_roots(struct csvread *csv, struct catake *take, struct catake_file *file);
void from_tables_certs(struct csvread *csv, struct catake *take, struct catake_file *file);
void from_tables_edges(struct csvread *csv, struct catake *take, struct catake_file *file);
void from_tables_blocked(struct csvread *csv, struct catake *take, struct catake_file *file);
void from_tables_onecrl(struct csvread *csv, struct catake *take, struct catake_file *file);
void from_tables_caa(struct csvread *csv, struct catake *take, struct catake_file *file);

#endif
