#include "watcher/rule_validity.h"

#include "base/text.h"
#include "model/cert.h"
#include "watcher/validity.h"

static void put_limit(struct rule *rule, struct buf *out, int64_t days_max)
{
    const struct issuance *issuance = rule->what->issuance;
    char begin[TEXT_TIME_MAX];
    buf_fmt(out, "at most %" PRId64 " days", days_max);
    if (rule->what->watch->max_days != 0) {
        buf_str(out, ", as this entry asks for");
        return;
    }
    if (validity_months_max(issuance->not_before) != 0)
        buf_fmt(out, " (%d months)", validity_months_max(issuance->not_before));
    text_time(issuance->not_before * 1000, false, begin);
    buf_fmt(out, " for a certificate valid from %.10s", begin);
}

void rule_validity_judge(struct rule *rule)
{
    const struct issuance *issuance = rule->what->issuance;
    int64_t own = rule->what->watch->max_days;
    int64_t days_max = own != 0 ? own : validity_days_max(issuance->not_before);
    int64_t days = validity_days(issuance->not_before, issuance->not_after);
    if ((own == 0 && days_max == VALIDITY_NO_LIMIT) || days <= days_max ||
        (issuance->cert_flags & CERT_IS_CA) != 0 || finding_has(&issuance->findings, FINDING_TIME_UNREADABLE))
        return;
    char begin[TEXT_TIME_MAX];
    char end[TEXT_TIME_MAX];
    struct buf expected;
    struct buf found;
    buf_init(&expected, RULE_TEXT_MAX);
    buf_init(&found, RULE_TEXT_MAX);
    text_time(issuance->not_before * 1000, false, begin);
    text_time(issuance->not_after * 1000, false, end);
    put_limit(rule, &expected, days_max);
    buf_fmt(&found, "%" PRId64 " days, %s to %s", days, begin, end);
    struct span expected_text = rule_keep(rule, &expected);
    (void)rule_add(rule, ALERT_KIND_OVER_LONG_VALIDITY, "max_days", expected_text, rule_keep(rule, &found));
}
