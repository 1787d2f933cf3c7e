/* Numbers that look random and are the same for the same seed (SplitMix64). Not for secrets. */
#ifndef CTVIGIL_SIMRAND_H
#define CTVIGIL_SIMRAND_H

#include "base/base.h"

struct simrand {
    uint64_t state;
};

static inline uint64_t simrand_u64(struct simrand *rand)
{
    uint64_t z = rand->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 to below - 1. */
static inline uint32_t simrand_below(struct simrand *rand, uint32_t below)
{
    return (uint32_t)((simrand_u64(rand) >> 32) * below >> 32);
}

/* True in `percent` of 100 cases. */
static inline bool simrand_percent(struct simrand *rand, uint32_t percent)
{
    return simrand_below(rand, 100) < percent;
}

#endif
