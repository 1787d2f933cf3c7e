/* Rule R8: what belongs to a certificate. Findings twin_serial (another certificate of the same issuer under
 * the same serial number; precertificate and final certificate of one issuance are one) and
 * final_without_precert. Pure; the facts are those of db/db_pair.h.
 *
 * What it does not say: that the final certificate of a precertificate never came, because most CAs log the
 * precertificate alone; and nothing of a final certificate with SCTs whose precertificate no log that is read
 * showed, because the SCTs may be of logs that are not read. */
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

#endif
