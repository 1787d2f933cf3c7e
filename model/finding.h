/* Oddities of certificates and entries: bad input is never an error, it is a finding, and the bytes are kept.
 */
#ifndef CTVIGIL_FINDING_H
#define CTVIGIL_FINDING_H

#include "base/base.h"

enum finding {
#define X(name, severity, rule, sentence) FINDING_##name,
#include "model/finding.def"
#undef X
    FINDING_COUNT
};

enum finding_severity { FINDING_PECULIAR, FINDING_BROKEN };

struct finding_set {
    uint64_t bits[2];
};

static inline void finding_add(struct finding_set *set, enum finding finding)
{
    set->bits[(unsigned)finding >> 6] |= UINT64_C(1) << ((unsigned)finding & 63u);
}

static inline void finding_drop(struct finding_set *set, enum finding finding)
{
    set->bits[(unsigned)finding >> 6] &= ~(UINT64_C(1) << ((unsigned)finding & 63u));
}

static inline bool finding_has(const struct finding_set *set, enum finding finding)
{
    return (set->bits[(unsigned)finding >> 6] >> ((unsigned)finding & 63u) & 1u) != 0;
}

static inline bool finding_none(const struct finding_set *set)
{
    return (set->bits[0] | set->bits[1]) == 0;
}

static inline void finding_merge(struct finding_set *set, const struct finding_set *more)
{
    set->bits[0] |= more->bits[0];
    set->bits[1] |= more->bits[1];
}

const char *finding_name(enum finding finding); /* "san_ip_text": lower case, stable */
const char *finding_rule(enum finding finding); /* "RFC 5280 4.2.1.6" */
const char *finding_sentence(enum finding finding);
enum finding_severity finding_severity(enum finding finding);
bool finding_any_broken(const struct finding_set *set);
/* Could there be names that nobody has seen? The one answer for live matching, history and reports; findings
 * of the entry and of the certificate both count. That a name was seen with an unreadable label is not asked
 * here: such a name is in the list, with "?" (a lost subject too). */
bool finding_names_lost(const struct finding_set *set);

#endif
