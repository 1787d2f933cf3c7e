#include "simworld.h"

void simworld_publish(struct simworld *world)
{
    struct simfault_args args;
    uint64_t withhold = 0;

    if (simfault_on(&world->faults, SIMFAULT_FUTURE, SIMKIND_GET_ENTRIES, &args))
        withhold = args.number[0];
    simlog_write(world->log);
    simlog_publish(world->log, withhold);
    simlog_done(world->log);
}

void simworld_fault_on(struct simworld *world, enum simfault_id id, const struct simfault_args *args)
{
    uint64_t size;

    switch (id) {
    case SIMFAULT_MALFORMED:
        (void)simgen_malformed(world->gen, args->text[0][0] != '\0' ? args->text[0] : "garbage.example");
        break;
    case SIMFAULT_UNKNOWN_TYPE:
        (void)simgen_unknown_type(world->gen);
        break;
    case SIMFAULT_FUTURE:
        simgen_mix(world->gen, args->number[0], 0);
        break;
    case SIMFAULT_FLIP:
    case SIMFAULT_REFUSE:
    case SIMFAULT_LEAF:
    case SIMFAULT_EXTRA:
        simlog_read(world->log);
        size = simlog_head(world->log)->size;
        simlog_done(world->log);
        if (args->number[0] == UINT64_MAX)
            simfault_number(&world->faults, id, 0, size / 2);
        break;
    default:
        break;
    }
}
