"""What the Tables screen thinks with: cells, pages, filters, links. No widgets."""
