#include "base/metric.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/text.h"

#define PREFIX "ctvigil_"

static const struct {
    const char *name;
    const char *type;
    const char *sentence;
} rows[METRIC_COUNT] = {
#define X(name, type, label, sentence) {PREFIX #name, #type, sentence},
#include "base/metric.def"
#undef X
};

static _Atomic uint64_t values[METRIC_COUNT];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;
static char names[METRIC_COUNT][64];

static void make_names(void)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        (void)text_lower(rows[i].name, names[i], sizeof names[i]);
}

void metric_add(enum metric metric, uint64_t amount)
{
    must((unsigned)metric < METRIC_COUNT);
    atomic_fetch_add_explicit(&values[metric], amount, memory_order_relaxed);
}

void metric_set(enum metric metric, uint64_t value)
{
    must((unsigned)metric < METRIC_COUNT);
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

uint64_t metric_read(enum metric metric)
{
    must((unsigned)metric < METRIC_COUNT);
    return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

const char *metric_name(enum metric metric)
{
    must((unsigned)metric < METRIC_COUNT);
    must(pthread_once(&names_once, make_names) == 0);
    return names[metric];
}

void metric_write(struct buf *out)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const char *name = metric_name((enum metric)i);
        buf_fmt(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, rows[i].sentence, name,
                rows[i].type, name, metric_read((enum metric)i));
    }
}
