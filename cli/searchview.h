/* Rows of a search as a table, as JSON lines and as CSV. */
#ifndef CTVIGIL_SEARCHVIEW_H
#define CTVIGIL_SEARCHVIEW_H

#include <stdio.h>

#include "base/buf.h"
#include "db/query.h"

enum searchview_format { SEARCHVIEW_TABLE, SEARCHVIEW_NDJSON, SEARCHVIEW_CSV };

/* What stands before the first row; nothing for NDJSON. `columns` of the terminal: a table is cut to it, "~"
 * stands for what does not fit, and the serial number is left out; 0: none, whole values. */
void searchview_head(FILE *out, enum searchview_format format, size_t columns);
void searchview_row(FILE *out, enum searchview_format format, size_t columns, const struct query_row *row);

/* One cell of CSV (RFC 4180), quoted where it must be. Bytes that a terminal should not see are written out
 * (base/text.h), and a cell that a spreadsheet would take for a formula (=, +, -, @ in front) gets an
 * apostrophe, as OWASP says. */
void searchview_cell(struct buf *out, struct span text);

#endif
