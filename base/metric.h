/* Counters of the process: relaxed atomics, summed on read. One row in metric.def makes one; none can be
 * forgotten in the exposition because it is generated from the same rows. */
#ifndef CTVIGIL_METRIC_H
#define CTVIGIL_METRIC_H

#include "base/buf.h"

enum metric {
#define X(name, type, label, sentence) METRIC_##name,
#include "base/metric.def"
#undef X
    METRIC_COUNT
};

void metric_add(enum metric metric, uint64_t amount);
void metric_set(enum metric metric, uint64_t value); /* gauges */
uint64_t metric_read(enum metric metric);
const char *metric_name(enum metric metric); /* "ctvigil_entries_total" */
/* Prometheus text exposition of every row. */
void metric_write(struct buf *out);

#endif
