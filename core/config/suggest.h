#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace babilu::config {

/// Letters to insert, delete, change or exchange with their neighbour, to make one text the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// What someone who wrote `name` most likely meant: the nearest candidate, if it is at most
/// `furthest` edits away, and no more than a third of the name.
std::optional<std::string> nearest(std::string_view name,
                                   const std::vector<std::string>& candidates,
                                   std::size_t furthest = 3);

}  // namespace babilu::config
