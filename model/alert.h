/* An alert: one per (domain, issuance), or one about a log. Its kind and severity are those of its gravest
 * finding. */
#ifndef CTVIGIL_ALERT_H
#define CTVIGIL_ALERT_H

#include "base/span.h"
#include "model/issuance.h"

enum alert_severity { ALERT_INFO, ALERT_LOW, ALERT_HIGH, ALERT_CRITICAL };

enum alert_kind {
#define X(name, severity, sentence) ALERT_KIND_##name,
#include "model/alert.def"
#undef X
    ALERT_KIND_COUNT
};

#define ALERT_FINDINGS_MAX 24 /* a rule has one or two; there are some fifteen */
#define ALERT_DOMAINS_NONE INT64_C(0)

/* One broken rule, with both values. */
struct alert_finding {
    enum alert_kind kind;
    enum alert_severity severity;
    const char *rule;     /* static: "allow_ca", "wildcard", "max_days", "readable", ... */
    struct span expected; /* text, as a person reads it */
    struct span found;
};

struct alert {
    int64_t domain_id; /* ALERT_DOMAINS_NONE: about a log, or a placeholder that could concern every domain */
    uint64_t domains_concerned; /* for a placeholder without a domain: how many registered domains it could
                                   concern */
    struct span domain;         /* as registered; absent for a log alert */
    struct span name;           /* the certificate's name that matched */
    struct span lookalike;      /* the registrable domain that looks like it; absent: not about one */
    size_t entry_at;            /* position in the batch; unused for history */
    const struct issuance *issuance; /* NULL for a log alert */
    struct sighting sighting;
    struct alert_finding findings[ALERT_FINDINGS_MAX];
    const struct finding_set *lint; /* what a closer look has against the certificate; NULL: nobody looked */
    bool claimed;         /* the only thing against an allowed CA is that nothing stored proves it issued */
    size_t finding_count; /* 0: the issuance matched and is as expected; it is recorded, no alert is raised */
};

const char *alert_kind_name(enum alert_kind kind); /* "unexpected_ca" */
const char *alert_kind_sentence(enum alert_kind kind);
enum alert_severity alert_kind_severity(enum alert_kind kind);
const char *alert_severity_name(enum alert_severity severity); /* "info", "low", "high", "critical" */
/* The gravest finding decides; ties go to the one listed first. finding_count must not be 0. */
const struct alert_finding *alert_gravest(const struct alert *alert);

#endif
