/* Time. Wall time is milliseconds since the Unix epoch (what certificates and logs speak); monotonic time is
 * milliseconds since some start (what waits and rates use). Tests can set the wall clock of their process,
 * and the environment variable CTVIGIL_TEST_CLOCK_OFFSET_S shifts it for a whole program. */
#ifndef CTVIGIL_CLOCK_H
#define CTVIGIL_CLOCK_H

#include "base/base.h"

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);
void clock_sleep_ms(int64_t wait_ms);
/* From now on clock_wall_ms says `wall_ms` and runs on from there; negative: back to the real clock. */
void clock_set_test(int64_t wall_ms);

#endif
