/* Whatever a document says: reading it ends, the report is bounded, its verdict is that of its gravest
 * finding, what is called proven by signatures has a head with a good one, and the same bytes give the same
 * report. */
#include "base/limits.h"
#include "ingest/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool shows(const struct account_report *report, enum account_what what)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->finding[i].what == what)
            return true;
    return false;
}

static bool report_of(struct span text, struct account_report *report)
{
    struct bundle *bundle = NULL;
    struct err why = {0};

    if (bundle_read(text, &bundle, &why) != ERR_OK) {
        must(bundle == NULL && why.text[0] != '\0');
        return false;
    }
    account_check(&bundle->account, report);
    bundle_free(bundle);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct account_report one;
    static struct account_report two;
    enum account_weight gravest = ACCOUNT_NOTE;

    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
    if (!report_of(span_of(data, size), &one))
        return 0;
    must(one.count > 0 && one.count <= ACCOUNT_FINDINGS_MAX);
    for (size_t i = 0; i < one.count; i++) {
        enum account_weight weight = account_weight(one.finding[i].what);
        must(strlen(one.finding[i].text) < ACCOUNT_TEXT_MAX);
        if (weight >= ACCOUNT_SERVED && weight > gravest)
            gravest = weight;
    }
    must(gravest == one.gravest);
    must(gravest != ACCOUNT_SIGNED || shows(&one, ACCOUNT_IS_HEAD_SIGNED) ||
         shows(&one, ACCOUNT_IS_GOOD_SIGNATURE));
    must(report_of(span_of(data, size), &two));
    must(one.count == two.count && one.gravest == two.gravest);
    for (size_t i = 0; i < one.count; i++)
        must(one.finding[i].what == two.finding[i].what &&
             strcmp(one.finding[i].text, two.finding[i].text) == 0);
    return 0;
}
