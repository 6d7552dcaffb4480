"""What a store holds, for reading: runs, attempts, grades and evaluations, and the index of them.

Takes the folder of a store, whose content is data from elsewhere. Gives listings, single records
and search results. The index says which records there are; what they hold is read from them.
"""
