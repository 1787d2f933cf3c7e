/* Words and suffixes the simulator's domain names are made of. */
#ifndef CTVIGIL_SIMWORDS_H
#define CTVIGIL_SIMWORDS_H

static const char *const simwords_first[] = {
    "amber",  "brisk",   "cedar",  "delta",  "ember",   "fjord",  "grove",     "harbor",
    "indigo", "juniper", "kelp",   "lunar",  "maple",   "nordic", "opal",      "prairie",
    "quartz", "river",   "solar",  "timber", "urban",   "velvet", "willow",    "xenon",
    "yonder", "zephyr",  "alpine", "bright", "coastal", "dune",   "evergreen", "frost",
};

static const char *const simwords_second[] = {
    "bank",   "cloud",   "dental", "energy", "farm",    "garage", "hosting", "insure",
    "jobs",   "kitchen", "labs",   "media",  "news",    "office", "pharma",  "quilts",
    "realty", "school",  "travel", "union",  "vision",  "works",  "yoga",    "zone",
    "books",  "clinic",  "design", "events", "finance", "games",  "health",  "imports",
};

static const char *const simwords_suffix[] = {
    "com", "com", "com", "com",   "net",    "org", "de",   "co.uk",
    "io",  "dev", "app", "co.jp", "com.br", "fr",  "info",
};

static const char *const simwords_host[] = {
    "www",          "mail",          "api",          "shop",   "vpn",  "cdn",    "dev",
    "staging",      "login",         "static",       "img",    "m",    "blog",   "git",
    "autodiscover", "db-1.internal", "eu-west-1.lb", "status", "docs", "portal",
};

static const char *const simwords_organisation[] = {
    "Amber Falcon Ltd", "Nordic Works AB", "Grove & Sons Inc", "Union Santé SA", "Zephyr Media GmbH",
};

#endif
