// Asio is compiled here, once; everywhere else it is declarations
// (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
