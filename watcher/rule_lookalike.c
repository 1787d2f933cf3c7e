#include "watcher/rule_lookalike.h"

#include "base/text.h"

#define TEXT_MAX 4096

struct asking {
    const struct watchset *set;
    const struct name *name;
    struct rule_lookalike *all;
};

static void on_own(void *arg, const struct watch *watch)
{
    (void)watch;
    *(bool *)arg = true;
}

/* Registered, or below what is. */
static bool is_own(const struct watchset *set, struct span apex)
{
    bool own = false;
    watchset_find(set, apex, on_own, &own);
    return own;
}

static bool is_allowed(const struct watch *watch, struct span text)
{
    for (size_t i = 0; i < watch->lookalike_allow.count; i++) {
        struct span allowed = span_str(watch->lookalike_allow.at[i]);
        if (span_ends(text, allowed) &&
            (text.len == allowed.len || text.at[text.len - allowed.len - 1] == '.'))
            return true;
    }
    return false;
}

/* The place for this brand and domain, one that is free, or that of the least one. */
static struct rule_lookalike_found *place_for(struct rule_lookalike *all, size_t watch, struct span apex)
{
    struct rule_lookalike_found *least = &all->found[0];
    for (size_t i = 0; i < all->count; i++) {
        struct rule_lookalike_found *f = &all->found[i];
        if (f->watch == watch && span_eq(f->apex, apex))
            return f;
        least = f->like.score < least->like.score ? f : least;
    }
    return all->count < RULE_LOOKALIKE_MAX ? &all->found[all->count] : least;
}

static void on_hit(void *arg, size_t place, const struct likeness *like)
{
    struct asking *f = arg;
    const struct watch *watch = watchset_at(f->set, place);
    uint8_t enough = watch->lookalike == WATCH_LOOKALIKE_STRICT ? RULE_LOOKALIKE_STRICT : RULE_LOOKALIKE_ON;
    if (like->score < enough || is_allowed(watch, f->name->text) || is_own(f->set, f->name->apex) ||
        is_own(f->set, f->name->text))
        return;
    struct rule_lookalike_found *found = place_for(f->all, place, f->name->apex);
    bool fresh = found == &f->all->found[f->all->count];
    if (!fresh && found->like.score >= like->score)
        return;
    *found = (struct rule_lookalike_found){place, f->name->text, f->name->apex, *like};
    f->all->count += fresh;
}

bool rule_lookalike_find(const struct watchset *set, const struct issuance *issuance,
                         struct rule_lookalike *all)
{
    const struct lookalike *brands = watchset_lookalike(set);
    struct span last = SPAN_NONE;
    all->count = 0;
    if (brands == NULL)
        return false;
    for (size_t i = 0; i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        struct asking asking = {set, name, all};
        if (name->kind != NAME_DNS || name->apex.at == NULL)
            continue;
        lookalike_find(brands, name->text, name->apex, last.len != 0 && span_eq(last, name->apex), on_hit,
                       &asking);
        last = name->apex;
    }
    return all->count != 0;
}

static struct span keep(struct arena *arena, struct buf *text)
{
    struct span copy = buf_ok(text) ? arena_copy(arena, buf_span(text)) : SPAN_NONE;
    buf_fini(text);
    return copy;
}

static enum alert_severity severity_of(const struct watch *watch, uint8_t score)
{
    if (watch->severity[ALERT_KIND_LOOKALIKE] != 0)
        return (enum alert_severity)(watch->severity[ALERT_KIND_LOOKALIKE] - 1);
    if (score >= RULE_LOOKALIKE_HIGH)
        return ALERT_HIGH;
    return score >= RULE_LOOKALIKE_ON ? alert_kind_severity(ALERT_KIND_LOOKALIKE) : ALERT_INFO;
}

bool rule_lookalike_judge(const struct watchset *set, const struct rule_lookalike_found *found,
                          const struct issuance *issuance, struct arena *arena, struct alert *alert)
{
    const struct watch *watch = watchset_at(set, found->watch);
    struct span brand = span_str(watch->name);
    struct buf expected;
    struct buf reason;
    buf_init(&expected, TEXT_MAX);
    buf_init(&reason, TEXT_MAX);
    buf_fmt(&expected, "no certificate of somebody else for a name that can be mistaken for %s", watch->name);
    lookalike_say(watchset_lookalike(set), found->watch, &found->like, found->name, found->apex, &reason);
    *alert = (struct alert){.domain_id = watch->id, .issuance = issuance, .finding_count = 1};
    alert->domain = arena_copy(arena, brand);
    alert->name = arena_copy(arena, found->name);
    alert->lookalike = arena_copy(arena, found->apex);
    alert->findings[0] = (struct alert_finding){
        .kind = ALERT_KIND_LOOKALIKE,
        .severity = severity_of(watch, found->like.score),
        .rule = likeness_technique_name(found->like.technique),
        .expected = keep(arena, &expected),
        .found = keep(arena, &reason),
    };
    return alert->domain.at != NULL && alert->name.at != NULL && alert->lookalike.at != NULL &&
           alert->findings[0].expected.at != NULL && alert->findings[0].found.at != NULL;
}
