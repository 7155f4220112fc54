#pragma once

#include <filesystem>
#include <vector>

#include "bench/report.h"

namespace babilu::bench {

/// Draws a bar for each row that has a target: ours as a share of the rival's.
void write_chart(const std::filesystem::path& file, const std::vector<Row>& rows);

}  // namespace babilu::bench
