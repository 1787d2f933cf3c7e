/* Alerts as lines of a table for people. */
#ifndef CTVIGIL_ALERTTABLE_H
#define CTVIGIL_ALERTTABLE_H

#include "base/buf.h"
#include "db/db_alert.h"

#define ALERTTABLE_WIDE 120 /* columns; a narrower terminal gets one column for name, domain and log */

/* `columns` of the terminal: a line is cut to it; 0: none, whole values. Of a name the end stays, which says
 * whose it is; "~" stands for what does not fit. */
void alerttable_head(struct buf *out, size_t columns);
void alerttable_row(struct buf *out, size_t columns, const struct db_alert_row *row);

#endif
