/* Refusals that are not about how much we ask: some servers refuse a share of all requests whatever their
 * rate (Google's logs were seen to refuse one in five). Asking less does not help there, and a rate that
 * sinks with each of them ends at nothing. So when decreases in a row do not end them it is measured: the
 * share that is refused at one rate, and at half of it. A limit foretells what half the rate does (twice as
 * much of what is asked comes through), and so does a share that is always the same; answers are counted
 * until one of the two is much the likelier (a sequential test, Wald 1945). The share at half the rate is
 * then what is usual here (`pace.usual`), the rate goes back to where it was, and from then on only what is
 * clearly more than usual is a refusal: the evidence is summed up, and forgotten whenever it speaks for what
 * is usual (CUSUM, Page 1954), so a limit is seen the sooner the more of it is met. Half the rate is tried
 * again ever more rarely; what was counted adds up as long as it is the same. Pure arithmetic, for tempo.c.
 */
#ifndef CTVIGIL_DEAF_H
#define CTVIGIL_DEAF_H

#include "ingest/tempo.h"

/* Before anything else of a turn: what was heard counts. */
void deaf_count(struct pace *pace, const struct tempo_heard *heard, int64_t now_ms);
/* True: the rate stays as it is, for it is being measured. Ends measuring, and may set rate, ceiling and
 * pace->usual. */
bool deaf_turn(struct pace *pace, int64_t now_ms);
/* Something was refused: are that no more than usual? */
bool deaf_tolerates(const struct pace *pace);
/* The rate is about to be cut. True: it is measured instead. `said`: with a Retry-After, which is the word of
 * a limit, so that it takes more of them. */
bool deaf_cut(struct pace *pace, bool said, int64_t now_ms);
/* Of what is asked the share that is answered well where no limit is met. */
double deaf_through(const struct pace *pace);
/* The rate at which no more than usual would be refused, by the answers that spoke against what is usual. */
double deaf_ceiling(const struct pace *pace, int64_t now_ms);
/* It was acted upon. */
void deaf_forget(struct pace *pace, int64_t now_ms);

#endif
