#include "simfault.h"

#include "base/text.h"

static const struct simfault_row simfault_rows[] = {
#define X(name, word, arguments, kinds, default1, default2, sentence)                                        \
    {word, arguments, kinds, {default1, default2}, sentence},
#include "simfault.def"
#undef X
};

static const char *const simfault_kinds[] = {
#define X(name, word) word,
#include "simkind.def"
#undef X
};

void simfault_init(struct simfaults *faults)
{
    memset(faults, 0, sizeof *faults);
    must(pthread_mutex_init(&faults->mutex, NULL) == 0);
}

void simfault_fini(struct simfaults *faults)
{
    (void)pthread_mutex_destroy(&faults->mutex);
}

const struct simfault_row *simfault_row(enum simfault_id id)
{
    return &simfault_rows[id];
}

const char *simfault_kind_word(enum simkind kind)
{
    return simfault_kinds[kind];
}

static void simfault_lock(struct simfaults *faults)
{
    must(pthread_mutex_lock(&faults->mutex) == 0);
}

static void simfault_unlock(struct simfaults *faults)
{
    must(pthread_mutex_unlock(&faults->mutex) == 0);
}

/* Cuts off @KIND; SIMKIND_COUNT when there is none. */
static enum simkind simfault_take_kind(char *spec)
{
    char *at = strrchr(spec, '@');

    for (size_t i = 0; at != NULL && i < SIMKIND_COUNT; i++) {
        if (strcmp(at + 1, simfault_kinds[i]) == 0) {
            *at = '\0';
            return (enum simkind)i;
        }
    }
    return SIMKIND_COUNT;
}

static enum simfault_id simfault_find(const char *word)
{
    size_t i = 0;

    while (i < SIMFAULT_COUNT && strcmp(simfault_rows[i].word, word) != 0)
        i++;
    return (enum simfault_id)i;
}

/* `rest` begins with the first argument, or is NULL. */
static enum err_code simfault_read_args(const struct simfault_row *row, char *rest,
                                        struct simfault_args *args, struct err *why)
{
    memset(args, 0, sizeof *args);
    args->number[0] = row->defaults[0];
    args->number[1] = row->defaults[1];
    for (size_t i = 0; rest != NULL; i++) {
        char *colon;
        if (i >= strlen(row->kinds))
            return err_set(why, ERR_USAGE, "fault %s: more arguments than %s%s", row->word, row->word,
                           row->arguments);
        /* The last argument may hold colons. */
        colon = row->kinds[i + 1] == '\0' ? NULL : strchr(rest, ':');
        if (colon != NULL)
            *colon = '\0';
        (void)snprintf(args->text[i], SIMFAULT_TEXT_MAX, "%s", rest);
        if (row->kinds[i] == 'n' && !text_uint(span_str(rest), &args->number[i]))
            return err_set(why, ERR_USAGE, "fault %s: \"%s\" is not a number", row->word, rest);
        rest = colon == NULL ? NULL : colon + 1;
    }
    return ERR_OK;
}

/* What each fault demands of its arguments beyond their form. */
static enum err_code simfault_check(enum simfault_id id, struct simfault_args *args, struct err *why)
{
    const char *word = simfault_rows[id].word;
    bool every =
        id == SIMFAULT_BUSY || id == SIMFAULT_ERROR || id == SIMFAULT_DROP || id == SIMFAULT_TRUNCATE;
    uint64_t seconds;
    struct span retry = span_str(args->text[1]);

    if ((every || id == SIMFAULT_SHORT) && args->number[0] == 0)
        return err_set(why, ERR_USAGE, "fault %s: the number must not be 0", word);
    if (id == SIMFAULT_ERROR && (args->number[1] < 400 || args->number[1] > 599))
        return err_set(why, ERR_USAGE, "fault %s: a status is 400 to 599", word);
    if (id == SIMFAULT_NOPARTIAL && (args->number[0] < 400 || args->number[0] > 599))
        return err_set(why, ERR_USAGE, "fault %s: a status is 400 to 599", word);
    if (id == SIMFAULT_FORK && args->text[0][0] != '\0' && strcmp(args->text[0], "same") != 0 &&
        strcmp(args->text[0], "larger") != 0)
        return err_set(why, ERR_USAGE, "fault fork: \"%s\" is neither same nor larger", args->text[0]);
    if (id == SIMFAULT_EXTRA && args->text[1][0] != '\0' && strcmp(args->text[1], "null") != 0 &&
        strcmp(args->text[1], "text") != 0 && strcmp(args->text[1], "junk") != 0)
        return err_set(why, ERR_USAGE, "fault extra: \"%s\" is none of null, text and junk", args->text[1]);
    if (id == SIMFAULT_REFUSE && (args->number[1] < 400 || args->number[1] > 599))
        return err_set(why, ERR_USAGE, "fault refuse: a status is 400 to 599");
    if (id == SIMFAULT_BOMB && (args->number[0] == 0 || args->number[0] > 65536))
        return err_set(why, ERR_USAGE, "fault bomb: 1 to 65536 MiB");
    if ((id == SIMFAULT_SLOW || id == SIMFAULT_FUTURE) && args->number[0] > 3600000)
        return err_set(why, ERR_USAGE, "fault %s: the number is too large", word);
    if (id != SIMFAULT_BUSY)
        return ERR_OK;
    if (span_starts(retry, SPAN_LIT("date")))
        retry = span_part(retry, 4, retry.len);
    else if (retry.len == 0)
        (void)snprintf(args->text[1], SIMFAULT_TEXT_MAX, "1");
    if (retry.len != 0 && (!text_uint(retry, &seconds) || seconds > 86400))
        return err_set(why, ERR_USAGE, "fault 429: RETRY is seconds or dateSECONDS, at most a day");
    return ERR_OK;
}

enum err_code simfault_set(struct simfaults *faults, const char *spec, enum simfault_id *id,
                           struct simfault_args *args, struct err *why)
{
    char text[2 * SIMFAULT_TEXT_MAX];
    struct simfault_args scratch;
    enum simkind kind;
    char *colon;
    enum err_code code;

    if (args == NULL)
        args = &scratch;
    if (strlen(spec) >= SIMFAULT_TEXT_MAX)
        return err_set(why, ERR_USAGE, "fault: the text is too long");
    (void)snprintf(text, sizeof text, "%s", spec);
    kind = simfault_take_kind(text);
    colon = strchr(text, ':');
    if (colon != NULL)
        *colon = '\0';
    *id = simfault_find(text);
    if (*id == SIMFAULT_COUNT)
        return err_set(why, ERR_USAGE, "fault \"%s\": unknown; --help lists them", text);
    code = simfault_read_args(&simfault_rows[*id], colon == NULL ? NULL : colon + 1, args, why);
    if (code == ERR_OK)
        code = simfault_check(*id, args, why);
    if (code != ERR_OK)
        return code;
    simfault_lock(faults);
    faults->fault[*id] = (struct simfault_state){.on = true, .kind = kind, .args = *args};
    simfault_unlock(faults);
    return ERR_OK;
}

bool simfault_clear(struct simfaults *faults, const char *word)
{
    bool all = strcmp(word, "all") == 0;
    enum simfault_id id = simfault_find(word);

    if (!all && id == SIMFAULT_COUNT)
        return false;
    simfault_lock(faults);
    for (size_t i = 0; i < SIMFAULT_COUNT; i++) {
        if (all || i == (size_t)id)
            faults->fault[i].on = false;
    }
    simfault_unlock(faults);
    return true;
}

/* The fault when it is on for this kind; with the lock held. */
static struct simfault_state *simfault_active(struct simfaults *faults, enum simfault_id id,
                                              enum simkind kind)
{
    struct simfault_state *state = &faults->fault[id];

    if (!state->on || (state->kind != SIMKIND_COUNT && state->kind != kind))
        return NULL;
    return state;
}

bool simfault_on(struct simfaults *faults, enum simfault_id id, enum simkind kind, struct simfault_args *args)
{
    struct simfault_state *state;

    simfault_lock(faults);
    state = simfault_active(faults, id, kind);
    if (state != NULL && args != NULL)
        *args = state->args;
    simfault_unlock(faults);
    return state != NULL;
}

bool simfault_hit(struct simfaults *faults, enum simfault_id id, enum simkind kind,
                  struct simfault_args *args)
{
    struct simfault_state *state;

    simfault_lock(faults);
    state = simfault_active(faults, id, kind);
    if (state != NULL) {
        state->seen++;
        state->hits++;
        if (args != NULL)
            *args = state->args;
    }
    simfault_unlock(faults);
    return state != NULL;
}

bool simfault_every(struct simfaults *faults, enum simfault_id id, enum simkind kind,
                    struct simfault_args *args)
{
    struct simfault_state *state;
    bool strikes = false;

    simfault_lock(faults);
    state = simfault_active(faults, id, kind);
    if (state != NULL) {
        strikes = ++state->seen % state->args.number[0] == 0;
        state->hits += strikes ? 1 : 0;
        if (args != NULL)
            *args = state->args;
    }
    simfault_unlock(faults);
    return strikes;
}

static bool simfault_flip_left(const struct simfault_state *state)
{
    return state != NULL && (state->args.number[1] == 0 || state->hits < state->args.number[1]);
}

bool simfault_flip(struct simfaults *faults, uint64_t index, enum simkind kind)
{
    struct simfault_state *state;
    bool strikes;

    simfault_lock(faults);
    state = simfault_active(faults, SIMFAULT_FLIP, kind);
    strikes = simfault_flip_left(state) && state->args.number[0] == index;
    if (strikes)
        state->hits++;
    simfault_unlock(faults);
    return strikes;
}

bool simfault_flips(struct simfaults *faults, uint64_t begin, uint64_t end, enum simkind kind)
{
    struct simfault_state *state;
    bool strikes;

    simfault_lock(faults);
    state = simfault_active(faults, SIMFAULT_FLIP, kind);
    strikes = simfault_flip_left(state) && state->args.number[0] >= begin && state->args.number[0] < end;
    simfault_unlock(faults);
    return strikes;
}

void simfault_number(struct simfaults *faults, enum simfault_id id, size_t at, uint64_t number)
{
    simfault_lock(faults);
    faults->fault[id].args.number[at] = number;
    simfault_unlock(faults);
}

void simfault_count(struct simfaults *faults, enum simkind kind)
{
    simfault_lock(faults);
    faults->requests[kind]++;
    simfault_unlock(faults);
}

void simfault_snapshot(struct simfaults *faults, struct simfault_state state[SIMFAULT_COUNT],
                       uint64_t requests[SIMKIND_COUNT])
{
    simfault_lock(faults);
    memcpy(state, faults->fault, sizeof faults->fault);
    memcpy(requests, faults->requests, sizeof faults->requests);
    simfault_unlock(faults);
}
