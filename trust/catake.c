#include "trust/catake.h"

#include <stdio.h>
#include <stdlib.h>

#include "trust/caatable.h"

static void *more(void *array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return array;
    *cap = *cap == 0 ? 64 : 2 * *cap;
    array = realloc(array, *cap * size);
    must(array != NULL);
    return array;
}

struct catake *catake_new(void)
{
    struct catake *take = calloc(1, sizeof *take);
    must(take != NULL);
    return take;
}

void catake_free(struct catake *take)
{
    if (take == NULL)
        return;
    for (size_t i = 0; i < take->text_count; i++)
        free(take->text[i]);
    free(take->text);
    free(take->part);
    free(take->rule);
    free(take->cert);
    free(take->edge);
    free(take->caa);
    free(take->file);
    free(take);
}

static char *keep(struct catake *take, struct span bytes)
{
    char *copy = malloc(bytes.len + 1);
    must(copy != NULL);
    if (bytes.len != 0)
        memcpy(copy, bytes.at, bytes.len);
    copy[bytes.len] = '\0';
    take->text = more(take->text, take->text_count, &take->text_cap, sizeof *take->text);
    take->text[take->text_count++] = copy;
    return copy;
}

const char *catake_text(struct catake *take, struct span text)
{
    return keep(take, text);
}

static size_t name_at(struct catake *take, const char *name)
{
    size_t at = 0;
    while (at < take->named_count && strcmp(take->named[at], name) != 0)
        at++;
    must(at < CATAKE_PARTS_MAX && strlen(name) < CATAKE_NAME_MAX);
    if (at == take->named_count)
        memcpy(take->named[take->named_count++], name, strlen(name) + 1);
    return at;
}

void catake_claim(struct catake *take, const char *name)
{
    size_t at = name_at(take, name);
    if (take->file_count != 0)
        take->file[take->file_count - 1].parts |= UINT32_C(1) << at;
}

uint32_t catake_part(struct catake *take, const char *name, int64_t dated_ms)
{
    catake_claim(take, name);
    for (uint32_t i = 0; i < take->part_count; i++) {
        if (strcmp(take->part[i].name, name) != 0)
            continue;
        if (take->part[i].dated_ms < dated_ms)
            take->part[i].dated_ms = dated_ms;
        return i;
    }
    must(take->part_count < CATAKE_PARTS_MAX);
    take->part = more(take->part, take->part_count, &take->part_cap, sizeof *take->part);
    struct catake_part *part = &take->part[take->part_count];
    must(strlen(name) < sizeof part->name);
    memcpy(part->name, name, strlen(name) + 1);
    part->dated_ms = dated_ms;
    return (uint32_t)take->part_count++;
}

void catake_rule(struct catake *take, uint32_t part, const struct carule *rule, bool lifts)
{
    take->rule = more(take->rule, take->rule_count, &take->rule_cap, sizeof *take->rule);
    struct catake_rule *own = &take->rule[take->rule_count++];
    *own = (struct catake_rule){part, lifts, *rule};
    own->rule.text = rule->text == NULL ? "" : keep(take, span_str(rule->text));
    own->rule.label = rule->label == NULL ? "" : keep(take, span_str(rule->label));
    own->rule.source = rule->source == NULL ? "" : keep(take, span_str(rule->source));
}

static struct catake_cert *add_cert(struct catake *take, const struct cafacts *facts)
{
    take->cert = more(take->cert, take->cert_count, &take->cert_cap, sizeof *take->cert);
    struct catake_cert *cert = &take->cert[take->cert_count++];
    *cert = (struct catake_cert){.facts = *facts};
    return cert;
}

bool catake_der(struct catake *take, struct span der, struct cafacts *facts)
{
    struct cafacts own;
    if (!cafacts_read(der, &own))
        return false;
    /* Again, so that what points into the certificate points into the copy. */
    struct span copy = span_of(keep(take, der), der.len);
    must(cafacts_read(copy, &own));
    if (facts != NULL)
        *facts = own;
    add_cert(take, &own)->der = copy;
    return true;
}

void catake_hashes(struct catake *take, const struct cafacts *facts)
{
    struct catake_cert *cert = add_cert(take, facts);
    cert->facts.label = facts->label == NULL ? "" : keep(take, span_str(facts->label));
    cert->facts.names = SPAN_NONE;
}

void catake_edge(struct catake *take, const uint8_t child[32], const uint8_t parent[32])
{
    take->edge = more(take->edge, take->edge_count, &take->edge_cap, sizeof *take->edge);
    struct catake_edge *edge = &take->edge[take->edge_count++];
    memcpy(edge->child, child, 32);
    memcpy(edge->parent, parent, 32);
}

void catake_caa(struct catake *take, const char *domain, bool by_key, const uint8_t hash[32],
                const char *label)
{
    take->caa = more(take->caa, take->caa_count, &take->caa_cap, sizeof *take->caa);
    struct catake_caa *caa = &take->caa[take->caa_count++];
    *caa = (struct catake_caa){.by_key = by_key};
    caa->domain = keep(take, span_str(domain));
    caa->label = keep(take, span_str(label));
    memcpy(caa->hash, hash, 32);
}

void catake_owner(struct catake *take, const char *owner, bool by_key, const uint8_t hash[32])
{
    char name[CAATABLE_NAME_MAX];
    char given[CAATABLE_NAME_MAX];
    int len = snprintf(given, sizeof given, "ca:%s", owner);
    if (len > 3 && len < (int)sizeof given && caatable_normal(given, name))
        catake_caa(take, name, by_key, hash, owner);
}

struct catake_file *catake_file(struct catake *take, const char *name)
{
    take->file = more(take->file, take->file_count, &take->file_cap, sizeof *take->file);
    struct catake_file *file = &take->file[take->file_count++];
    *file = (struct catake_file){.name = keep(take, span_str(name))};
    return file;
}

void catake_pass(struct catake_file *file, uint64_t row)
{
    if (file->passed++ == 0 && file->table && file->note[0] == '\0')
        (void)snprintf(file->note, sizeof file->note, "the first of them is row %" PRIu64 " below the header",
                       row);
}

void catake_unread(struct catake_file *file, uint64_t row)
{
    catake_pass(file, row);
    if (file->unread++ == 0)
        file->unread_row = row;
}

struct catake_mark catake_mark(const struct catake *take)
{
    struct catake_mark mark = {.part = take->part_count,
                               .rule = take->rule_count,
                               .cert = take->cert_count,
                               .edge = take->edge_count,
                               .caa = take->caa_count};
    for (size_t i = 0; i < take->part_count; i++)
        mark.dated_ms[i] = take->part[i].dated_ms;
    return mark;
}

void catake_rewind(struct catake *take, const struct catake_mark *mark)
{
    take->part_count = mark->part;
    for (size_t i = 0; i < mark->part; i++)
        take->part[i].dated_ms = mark->dated_ms[i];
    take->rule_count = mark->rule;
    take->cert_count = mark->cert;
    take->edge_count = mark->edge;
    take->caa_count = mark->caa;
}

static void drop_parts(struct catake *take, uint32_t refused)
{
    uint32_t to[CATAKE_PARTS_MAX] = {0};
    size_t parts = 0;
    size_t rules = 0;
    for (size_t i = 0; i < take->part_count; i++) {
        bool out = (refused >> name_at(take, take->part[i].name) & 1) != 0;
        to[i] = out ? CATAKE_PARTS_MAX : (uint32_t)parts;
        take->part[parts] = take->part[i];
        parts += !out;
    }
    for (size_t i = 0; i < take->rule_count; i++) {
        uint32_t part = to[take->rule[i].part];
        take->rule[rules] = take->rule[i];
        take->rule[rules].part = part;
        rules += part != CATAKE_PARTS_MAX;
    }
    take->part_count = parts;
    take->rule_count = rules;
}

static void note_withheld(const struct catake *take, struct catake_file *file, uint32_t refused)
{
    size_t at = 0;
    while ((refused & file->parts) >> at != 0 && ((refused & file->parts) >> at & 1) == 0)
        at++;
    file->withheld = true;
    if ((file->parts & ~refused) == 0)
        file->taken = 0;
    (void)snprintf(file->note, sizeof file->note,
                   "what it says of %s is not taken, because another file of that part is not",
                   take->named[at]);
}

void catake_withhold(struct catake *take)
{
    uint32_t refused = 0;
    for (size_t i = 0; i < take->file_count; i++)
        refused |= take->file[i].damaged ? take->file[i].parts : 0;
    for (size_t i = 0; i < take->file_count; i++)
        if (!take->file[i].damaged && (take->file[i].parts & refused) != 0)
            note_withheld(take, &take->file[i], refused);
    if (refused != 0)
        drop_parts(take, refused);
}

const struct catake_cert *catake_find(const struct catake *take, const uint8_t sha256[32])
{
    for (size_t i = 0; i < take->cert_count; i++)
        if (memcmp(take->cert[i].facts.sha256, sha256, 32) == 0)
            return &take->cert[i];
    return NULL;
}
