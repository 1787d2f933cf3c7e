#include "model/alert.h"

#include <pthread.h>

#include "base/text.h"

/* The words of alert.def. */
enum {
    SEVERITY_info = ALERT_INFO,
    SEVERITY_low = ALERT_LOW,
    SEVERITY_high = ALERT_HIGH,
    SEVERITY_critical = ALERT_CRITICAL
};

static const struct {
    const char *name;
    const char *sentence;
    enum alert_severity severity;
} rows[ALERT_KIND_COUNT] = {
#define X(name, severity, sentence) {#name, sentence, (enum alert_severity)SEVERITY_##severity},
#include "model/alert.def"
#undef X
};

static const char *const severity_names[] = {"info", "low", "high", "critical"};
static pthread_once_t names_once = PTHREAD_ONCE_INIT;
static char names[ALERT_KIND_COUNT][40];

static void make_names(void)
{
    for (size_t i = 0; i < ALERT_KIND_COUNT; i++)
        (void)text_lower(rows[i].name, names[i], sizeof names[i]);
}

const char *alert_kind_name(enum alert_kind kind)
{
    must((unsigned)kind < ALERT_KIND_COUNT);
    must(pthread_once(&names_once, make_names) == 0);
    return names[kind];
}

const char *alert_kind_sentence(enum alert_kind kind)
{
    must((unsigned)kind < ALERT_KIND_COUNT);
    return rows[kind].sentence;
}

enum alert_severity alert_kind_severity(enum alert_kind kind)
{
    must((unsigned)kind < ALERT_KIND_COUNT);
    return rows[kind].severity;
}

const char *alert_severity_name(enum alert_severity severity)
{
    must((unsigned)severity < countof(severity_names));
    return severity_names[severity];
}

const struct alert_finding *alert_gravest(const struct alert *alert)
{
    must(alert->finding_count > 0 && alert->finding_count <= ALERT_FINDINGS_MAX);
    const struct alert_finding *gravest = &alert->findings[0];
    for (size_t i = 1; i < alert->finding_count; i++)
        if (alert->findings[i].severity > gravest->severity)
            gravest = &alert->findings[i];
    return gravest;
}
