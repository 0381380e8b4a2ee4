"""Network dissection: units and concepts that humans have names for {cite}`bau2017dissection`."""
