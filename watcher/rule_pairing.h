/* Rule R8: what belongs to a certificate. Findings twin_serial (another certificate of the same issuer under
 * the same serial number; precertificate and final certificate of one issuance are one) and
 * final_without_precert. Pure; the facts are those of db/db_pair.h.
 *
 * What it does not say unasked: that the final certificate of a precertificate never came, because most CAs
 * log the precertificate alone. And nothing of a final certificate with SCTs whose precertificate no log that
 * is read showed, because the SCTs may be of logs that are not read. */
#ifndef CTVIGIL_RULE_PAIRING_H
#define CTVIGIL_RULE_PAIRING_H

#include "db/db_pair.h"
#include "watcher/rule.h"

/* Issuances from then on have SCTs as a rule: Chrome has asked for them since (2018-04-30). */
#define RULE_PAIRING_SCTS_FROM INT64_C(1525132800) /* 2018-05-01 */

/* `waited`: precertificates of other logs had time to come, and logs to prove what they showed: before,
 * another certificate counts only when both are verified. */
void rule_pairing_judge(struct rule *rule, const struct db_pair *pair, bool waited);
/* A precertificate of it is known. */
bool rule_pairing_announced(const struct db_pair *pair);
/* Its certificate is known. */
bool rule_pairing_made(const struct db_pair *pair);

/* When (Unix ms) a certificate is to be in a log of which only the precertificate is (pairing.final_within):
 * so long after a log took that in, and after it was noted here. 0: nobody asks, or it is not so. */
int64_t rule_pairing_deadline(const struct watch *watch, const struct db_pair *pair, int64_t noted_ms);
/* It was not: finding precert_without_final. */
void rule_pairing_unfinished(struct rule *rule, const struct db_pair *pair);

#endif
