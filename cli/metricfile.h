/* The counters of a running program (base/metric.h) as a file that Prometheus' node_exporter picks up
 * (textfile collector): text format, replaced as a whole, so that no reader ever sees half of it. One program
 * writes one file; two with the same one overwrite each other. */
#ifndef CTVIGIL_METRICFILE_H
#define CTVIGIL_METRICFILE_H

#include "base/conf.h"
#include "base/err.h"

/* Writes metrics.file when metrics.every_s have passed since the last time, or at once with `now`; nothing
 * when the key is empty. What goes wrong is said on stderr once, and its end: counters are never worth
 * stopping for. Called from one thread. */
void metricfile_tick(const struct conf *conf, bool now);
/* ERR_CONFIG: metrics.file could not be written there, and why. Changes nothing. */
MUST_USE enum err_code metricfile_check(const struct conf *conf, struct err *why);

#endif
