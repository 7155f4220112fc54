#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/report.h"

namespace babilu::bench {

/// Draws a bar for each row that has a target: ours as a share of the rival's, who is named over
/// them with the versions that were measured.
void write_chart(const std::filesystem::path& file, const std::vector<Row>& rows,
                 const std::string& rival);

}  // namespace babilu::bench
