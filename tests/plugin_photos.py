"""A plugin for processes of their own, in which photographs are never kept in memory."""

from cheapconv.suites import images

images.IN_MEMORY = 0
