#include "ingest/turn.h"

unsigned turn_yield(unsigned yield, uint64_t fresh, uint64_t entries)
{
    if (entries == 0)
        return yield;
    double now = (double)TURN_YIELD_ALL * (double)(fresh < entries ? fresh : entries) / (double)entries;
    double weight = (double)entries / ((double)entries + TURN_MEMORY);
    return (unsigned)((double)yield + (now - (double)yield) * weight);
}

void turn_charge(struct turn_wheel *wheel, struct turn *turn, uint64_t entries, unsigned yield)
{
    unsigned worth = yield < TURN_YIELD_LEAST ? TURN_YIELD_LEAST : yield;
    if (turn->pass < wheel->pass)
        turn->pass = wheel->pass;
    wheel->pass = turn->pass;
    turn->pass += entries * TURN_YIELD_ALL / (worth < TURN_YIELD_ALL ? worth : TURN_YIELD_ALL);
}
