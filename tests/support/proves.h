// PROVES("TDR-93"): this test fails when requirement TDR-93 is broken. The runner writes
// {id, test, result} to $CAUSEWAY_REQUIREMENTS_DIR; scripts/requirements gathers all of them into
// build/requirements.json. A skipped test proves nothing.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>

namespace causeway::testing {
void proves(std::initializer_list<const char*> ids);
}

#define PROVES(...) ::causeway::testing::proves({__VA_ARGS__})
